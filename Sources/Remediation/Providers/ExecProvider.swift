import FoundationEssentials
import Linux

/// A program that launches and reboots machines: any cloud that no other provider knows, libvirt, a bare `ssh`.
///
/// It is started once a request, gets one JSON object on its standard input and answers one on its standard output;
/// `docs/providers.md` says which.
package struct ExecProvider: Provider {
    package let kind = "exec"

    /// The program and its arguments.
    private let command: [String]
    private let environment: [String: String]
    private let timeoutMilliseconds: Int64

    /// Longer answers are refused, in bytes.
    static let answerBytesMax = 4 * 1024 * 1024
    /// What is kept of the error stream, in bytes.
    private static let complaintBytesMax = 16 * 1024
    /// The version of the exchange.
    static let version = 1

    /// A provider that runs `command` with this environment.
    package init(command: [String], environment: [String: String], timeoutMilliseconds: Int64) {
        self.command = command
        self.environment = environment
        self.timeoutMilliseconds = timeoutMilliseconds
    }

    package func launch(
        _ order: LaunchOrder, permit: @escaping Permit
    ) async throws(ProviderFault) -> Machine {
        var request = ExecRequest(action: .launch)
        request.token = order.token
        request.operation = order.token
        request.cluster = order.cluster
        request.name = order.name
        request.attempt = order.attempt
        guard let machine = try await ask(request, permit: permit).machine else {
            throw .retryable("\(program) launch: the answer has no machine", mayHaveHappened: true)
        }
        return machine
    }

    package func machine(launchedBy token: String) async throws(ProviderFault) -> Machine? {
        var request = ExecRequest(action: .find)
        request.token = token
        return try await ask(request).machine
    }

    package func machine(_ id: String) async throws(ProviderFault) -> Machine {
        var request = ExecRequest(action: .describe)
        request.id = id
        guard let machine = try await ask(request).machine else { throw .missing(id) }
        return machine
    }

    package func machines(of cluster: String) async throws(ProviderFault) -> [Machine] {
        var request = ExecRequest(action: .list)
        request.cluster = cluster
        // A program that forgets them must not look like an empty cloud: launches are counted by this.
        guard let machines = try await ask(request).machines else {
            throw .retryable("\(program) list: the answer has no machines", mayHaveHappened: false)
        }
        return machines.filter(\.state.isAlive)
    }

    package func machine(at address: String) async throws(ProviderFault) -> Machine? {
        var request = ExecRequest(action: .locate)
        request.address = address
        return try await ask(request).machine
    }

    package func reboot(
        _ id: String, operation: String, permit: @escaping Permit
    ) async throws(ProviderFault) { try await change(.reboot, id, operation, permit) }

    package func stop(
        _ id: String, operation: String, permit: @escaping Permit
    ) async throws(ProviderFault) { try await change(.stop, id, operation, permit) }

    package func start(
        _ id: String, operation: String, permit: @escaping Permit
    ) async throws(ProviderFault) { try await change(.start, id, operation, permit) }

    package func terminate(
        _ id: String, operation: String, permit: @escaping Permit
    ) async throws(ProviderFault) { try await change(.terminate, id, operation, permit) }

    package func findings(cluster: String) async -> [ProviderFinding] {
        var findings: [ProviderFinding] = []
        do throws(ProviderFault) {
            let count = try await machines(of: cluster).count
            findings.append(
                .init(subject: "list", verdict: .fine, text: "\(count) of cluster '\(cluster)'"))
        } catch {
            findings.append(.init(subject: "list", verdict: .failed, text: error.description))
        }
        var request = ExecRequest(action: .check)
        request.cluster = cluster
        do throws(ProviderFault) {
            findings += try await ask(request).findings ?? []
        } catch {
            findings.append(.init(subject: "check", verdict: .warning, text: error.description))
        }
        return findings
    }

    private func change(
        _ action: ExecRequest.Action, _ id: String, _ operation: String, _ permit: @escaping Permit
    ) async throws(ProviderFault) {
        var request = ExecRequest(action: action)
        request.id = id
        request.operation = operation
        _ = try await ask(request, permit: permit)
    }

    private var program: String { command.first ?? "" }

    private func ask(
        _ request: ExecRequest, permit: Permit = { true }
    ) async throws(ProviderFault) -> ExecReply {
        var run = ChildRun(command, environment: environment, deadlineMilliseconds: timeoutMilliseconds)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(request) else { throw .permanent("a request is no JSON") }
        run.input = Array(json) + [UInt8(ascii: "\n")]
        let answer = BoundedBytes(limit: ExecProvider.answerBytesMax)
        let complaints = BoundedBytes(limit: ExecProvider.complaintBytesMax)
        guard permit() else { throw .notPermitted }
        let ending: ChildRun.Ending
        do throws(SystemFault) {
            ending = try await run.run(output: { answer.add($0) }, errors: { complaints.add($0) })
        } catch {
            throw .permanent(
                "\(program) cannot be started: \(error.reason); mend remediation.provider.command")
        }
        return try ExecReply.read(answer, ending, request.action, program, complaints: complaints.bytes)
    }
}

/// One request.
struct ExecRequest: Encodable, Sendable {
    enum Action: String, Encodable, Sendable {
        case launch, find, describe, list, locate, reboot, stop, start, terminate, check

        /// True where a lost answer leaves it open whether something was done.
        var changes: Bool {
            switch self {
            case .launch, .reboot, .stop, .start, .terminate: true
            case .find, .describe, .list, .locate, .check: false
            }
        }
    }

    var version = ExecProvider.version
    var action: Action
    var token: String?
    var operation: String?
    var cluster: String?
    var name: String?
    var attempt: Int?
    var id: String?
    var address: String?

    init(action: Action) { self.action = action }
}

/// One answer.
struct ExecReply: Decodable, Sendable {
    enum ErrorClass: String, Decodable, Sendable { case retryable, capacity, auth, permanent, missing }

    var machine: Machine?
    var machines: [Machine]?
    var findings: [ProviderFinding]?
    var errorClass: ErrorClass?
    var message: String?
    var mayHaveHappened: Bool?

    /// Reads what a program has answered, and classifies everything else.
    static func read(
        _ answer: BoundedBytes, _ ending: ChildRun.Ending, _ action: ExecRequest.Action, _ program: String,
        complaints: [UInt8] = []
    ) throws(ProviderFault) -> ExecReply {
        let title = "\(program) \(action.rawValue)"
        func lost(_ why: String) -> ProviderFault {
            let line = complaints.split(separator: UInt8(ascii: "\n")).last.map {
                " (it said: \(EC2Reply.plain(LineSplitter.plain(Array($0)))))"
            }
            return .retryable("\(title): \(why)\(line ?? "")", mayHaveHappened: action.changes)
        }
        let status: Int32
        switch ending {
        case .exited(let code): status = code
        case .killed(let signal): throw lost("was killed by signal \(signal)")
        case .deadline: throw lost("took longer than remediation.provider.timeout and was ended")
        case .cancelled: throw lost("was cancelled")
        }
        guard !answer.isFull else { throw lost("answered more than \(ExecProvider.answerBytesMax) bytes") }
        guard let reply = try? JSONDecoder().decode(ExecReply.self, from: Data(answer.bytes)) else {
            let what = answer.bytes.isEmpty ? "nothing" : "what is no JSON of this exchange"
            throw lost("ended with status \(status) and answered \(what); see docs/providers.md")
        }
        if let errorClass = reply.errorClass {
            let text = "\(title): \(EC2Reply.plain(reply.message ?? "no message"))"
            switch errorClass {
            case .retryable:
                throw .retryable(text, mayHaveHappened: reply.mayHaveHappened ?? action.changes)
            case .capacity: throw .capacity(text)
            case .auth: throw .auth(text)
            case .permanent: throw .permanent(text)
            case .missing: throw .missing(text)
            }
        }
        guard status == 0 else { throw lost("ended with status \(status) and named no errorClass") }
        return try reply.checked(title)
    }

    /// The answer with canonical addresses; names and addresses that are none are faults.
    private func checked(_ title: String) throws(ProviderFault) -> ExecReply {
        var reply = self
        reply.machine = try machine.map { machine throws(ProviderFault) in
            try ExecReply.checked(machine, title)
        }
        reply.machines = try machines?.map { machine throws(ProviderFault) in
            try ExecReply.checked(machine, title)
        }
        reply.findings = findings.map { findings in
            findings.map {
                ProviderFinding(
                    subject: EC2Reply.plain($0.subject), verdict: $0.verdict, text: EC2Reply.plain($0.text))
            }
        }
        return reply
    }

    private static func checked(_ machine: Machine, _ title: String) throws(ProviderFault) -> Machine {
        guard Machine.isID(machine.id) else {
            throw .permanent("\(title): a machine's id must be 1 to 64 of 'A-Z a-z 0-9 . _ -'")
        }
        var checked = machine
        for path in [\Machine.privateAddress, \Machine.publicAddress] {
            guard let text = machine[keyPath: path] else { continue }
            guard let address = Machine.numeric(text) else {
                throw .permanent("\(title): '\(EC2Reply.plain(text))' is no numeric address")
            }
            checked[keyPath: path] = address
        }
        return checked
    }
}
