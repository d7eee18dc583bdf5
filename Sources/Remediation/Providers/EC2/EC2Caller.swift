package import Linux
import Store
import Transfer

/// Sends requests to EC2, one at a time, on a thread of its own: signs them, waits out throttling, classifies answers.
package actor EC2Caller {
    /// What a request does, which decides what an answer that got lost means.
    enum Effect: Sendable { case none, change }

    /// An answer that is no fault.
    enum Answer: Sendable, Equatable {
        case done(XMLNode)
        /// A dry run: it would be carried out.
        case wouldWork
    }

    /// How to wait between two tries, in milliseconds; tests do not.
    package typealias Wait = @Sendable (Int64) async -> Void

    private let executor: ThreadExecutor
    private let settings: EC2Settings
    private let chain: CredentialChain
    private let wait: Wait
    private var cached: AWSCredentials?
    private var region: String?

    /// Longer answers are refused, in bytes.
    private static let answerBytesMax = 32 * 1024 * 1024
    /// Tries of a request that is throttled.
    private static let throttledTriesMax = 8
    /// Tries of a request that only reads.
    private static let readTriesMax = 3

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Starts the thread; it ends with the last reference.
    package init(
        _ settings: EC2Settings, chain: CredentialChain,
        wait: @escaping Wait = { try? await Task.sleep(for: .milliseconds($0)) }
    ) throws(SystemFault) {
        executor = try ThreadExecutor(named: "troop-ec2")
        self.settings = settings
        self.chain = chain
        self.wait = wait
        region = settings.region
    }

    deinit { executor.finish() }

    /// Asks for credentials and says where they come from.
    func credentialSource() throws(ProviderFault) -> String { try credentials().source }

    /// The instance that this process runs on.
    func ownInstance() throws(ProviderFault) -> String {
        guard let id = InstanceCredentials(world: chain.world).instanceID() else {
            throw .permanent("the instance's metadata service does not say which instance this host is")
        }
        return id
    }

    /// Where requests go.
    func endpoint() throws(ProviderFault) -> (url: String, region: String) {
        if region == nil { region = chain.region() }
        guard let region, EC2Settings.isRegion(region) else {
            throw .permanent(
                "no region: set remediation.provider.region, or AWS_REGION in the agent's environment")
        }
        return (settings.endpoint ?? EC2Settings.endpoint(of: region), region)
    }

    /// Sends a request, again while EC2 throttles it, and again where it only reads; `permit` is asked before each send.
    func ask(
        _ form: EC2Form, _ effect: Effect, permit: @escaping Permit = { true }
    ) async throws(ProviderFault) -> Answer {
        var throttle = ThrottleWait()
        var failures = 0
        var hasRenewed = false
        while true {
            let fault: ProviderFault
            switch try send(form, permit) {
            case .heldBack: throw .notPermitted
            case .failed(let why, let wasSent):
                fault = .retryable(
                    "\(form.action): EC2 does not answer: \(why)",
                    mayHaveHappened: wasSent && effect == .change)
            case .answered(let answer):
                let reply = EC2Reply(status: answer.status, body: answer.body, action: form.action)
                switch verdict(reply, answer.status, form.action, effect) {
                case .answer(let answer): return answer
                case .fault(let final): throw final
                case .throttled(let text):
                    guard throttle.tries < EC2Caller.throttledTriesMax, !Task.isCancelled else {
                        throw .retryable(text, mayHaveHappened: false)
                    }
                    var generator = SystemRandomNumberGenerator()
                    await wait(throttle.next(using: &generator))
                    continue
                case .expired(let text):
                    guard !hasRenewed else { throw .auth(text) }
                    hasRenewed = true
                    cached = nil
                    continue
                case .failure(let text):
                    fault = .retryable(text, mayHaveHappened: effect == .change)
                }
            }
            failures += 1
            guard effect == .none, failures < EC2Caller.readTriesMax, !Task.isCancelled else { throw fault }
            var generator = SystemRandomNumberGenerator()
            await wait(throttle.next(using: &generator))
        }
    }

    private enum Verdict {
        case answer(Answer)
        case fault(ProviderFault)
        case throttled(String)
        case expired(String)
        case failure(String)
    }

    private nonisolated func verdict(
        _ reply: EC2Reply, _ status: Int, _ action: String, _ effect: Effect
    ) -> Verdict {
        switch reply {
        case .done(let root): return .answer(.done(root))
        case .nonsense(let why):
            let text = "\(action): \(why)"
            if status == 429 { return .throttled(text) }
            if [401, 403].contains(status) { return .fault(.auth(text)) }
            if (400..<500).contains(status), status != 408 {
                return .fault(.permanent("\(text); is remediation.provider.endpoint EC2's?"))
            }
            return .failure(text)
        case .error(let code, let message):
            let text = "\(action): \(code): \(message)"
            switch EC2ErrorMeaning(code: code, status: status) {
            case .wouldWork: return .answer(.wouldWork)
            case .throttled: return .throttled(text)
            case .expired: return .expired("\(text); look at this host's clock and at its credentials")
            case .auth: return .fault(.auth(text))
            case .capacity: return .fault(.capacity(text))
            case .missing: return .fault(.missing(text))
            case .unready: return .fault(.retryable(text, mayHaveHappened: false))
            case .otherParameters, .permanent: return .fault(.permanent(text))
            case .failure: return .failure(text)
            }
        }
    }

    private func send(_ form: EC2Form, _ permit: @escaping Permit) throws(ProviderFault) -> Transfer.Outcome {
        let (url, region) = try endpoint()
        let keys = try credentials()
        var transfer = Transfer(url: url)
        transfer.method = "POST"
        transfer.contentType = "application/x-www-form-urlencoded; charset=utf-8"
        transfer.body = form.bytes
        transfer.signature = Transfer.Signature(
            region: region, service: "ec2", accessKey: keys.accessKey, secretKey: keys.secretKey.revealed)
        if let token = keys.sessionToken {
            transfer.headers.append("X-Amz-Security-Token: \(token.revealed)")
        }
        transfer.timeoutMilliseconds = settings.timeoutMilliseconds
        transfer.answerBytesMax = EC2Caller.answerBytesMax
        transfer.mayBeSent = permit
        return transfer.exchange()
    }

    /// The keys at hand, or new ones shortly before their end; old ones serve on while new ones cannot be had.
    private func credentials() throws(ProviderFault) -> AWSCredentials {
        let now = chain.world.now()
        if let cached, cached.isFresh(at: now) { return cached }
        do throws(CredentialFault) {
            let found = try chain.credentials()
            guard EC2Caller.isPlain(found.accessKey), EC2Caller.isPlain(found.secretKey.revealed),
                EC2Caller.isPlain(found.sessionToken?.revealed ?? "-")
            else {
                throw CredentialFault(
                    description: "the keys of \(found.source) have characters that no key has; look at them")
            }
            cached = found
            return found
        } catch {
            if let cached, cached.isValid(at: now) { return cached }
            throw .auth(error.description)
        }
    }

    /// Keys become header lines: nothing in them may end one.
    private static func isPlain(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    }
}

/// How long to wait while EC2 throttles: full jitter under a limit that doubles.
struct ThrottleWait: Sendable {
    /// The limit of the first wait and the one that is never exceeded, in milliseconds.
    static let firstMilliseconds: Int64 = 500
    static let lastMilliseconds: Int64 = 10_000

    private(set) var tries = 0

    /// The wait before the next try, from 1 to the limit in milliseconds.
    mutating func next(using generator: inout some RandomNumberGenerator) -> Int64 {
        defer { tries += 1 }
        let limit = min(ThrottleWait.firstMilliseconds << min(tries, 16), ThrottleWait.lastMilliseconds)
        return Int64.random(in: 1...limit, using: &generator)
    }
}
