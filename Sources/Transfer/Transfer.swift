import CCurl
import Synchronization

/// Why a transfer brought no answer.
package enum TransferFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// Nobody listens there, or the socket's file is missing.
    case refused
    /// The peer answered nothing in time.
    case timeout
    /// libcurl's own word for everything else.
    case failed(String)

    package var description: String {
        switch self {
        case .refused: "connection refused"
        case .timeout: "no answer in time"
        case .failed(let text): text
        }
    }
}

/// One HTTP exchange by libcurl, blocking: for command lines and for actors on threads of their own.
package struct Transfer: Sendable {
    /// What came back.
    package struct Answer: Sendable {
        package var status: Int
        package var body: [UInt8]
    }

    /// How an exchange ended.
    package enum Outcome: Sendable {
        case answered(Answer)
        /// There is no answer; `wasSent` is true when any byte of the request went out.
        case failed(TransferFault, wasSent: Bool)
        /// `mayBeSent` said no; nothing went out.
        case heldBack
    }

    /// What signs a request by AWS's signature of version 4; the body must be a form in a POST (libcurl 7.88 signs
    /// queries of other requests wrongly).
    package struct Signature: Sendable {
        /// The names of region and service in the scope, as `us-east-1` and `ec2`.
        package var region: String
        package var service: String
        package var accessKey: String
        package var secretKey: String

        /// A signature from its parts.
        package init(region: String, service: String, accessKey: String, secretKey: String) {
            self.region = region
            self.service = service
            self.accessKey = accessKey
            self.secretKey = secretKey
        }
    }

    /// The URL; with `socket` its host only names the peer.
    package var url: String
    /// `GET`, `POST`, `DELETE`, …
    package var method = "GET"
    /// A JSON body; none when empty.
    package var json: [UInt8] {
        get { body }
        set {
            body = newValue
            contentType = "application/json"
        }
    }
    /// The body; none when empty.
    package var body: [UInt8] = []
    /// The type of the body.
    package var contentType = "application/json"
    /// Further header fields, as `Name: value`.
    package var headers: [String] = []
    /// Signs the request; nil leaves it as it is.
    package var signature: Signature?
    /// A unix socket to connect to in place of the URL's host.
    package var socket: String?
    /// The time for everything, in milliseconds.
    package var timeoutMilliseconds = 5000
    /// Longer answers are refused, in bytes.
    package var answerBytesMax = 64 * 1024 * 1024
    /// Asked when the connection stands, immediately before the request is sent; false sends nothing.
    package var mayBeSent: (@Sendable () -> Bool)?

    /// A transfer of one URL.
    package init(url: String) { self.url = url }

    /// Performs the exchange; every status is an answer.
    package func perform() throws(TransferFault) -> Answer {
        switch exchange() {
        case .answered(let answer): return answer
        case .failed(let fault, _): throw fault
        case .heldBack: throw .failed("held back")
        }
    }

    /// Performs the exchange and tells whether the request went out.
    package func exchange() -> Outcome {
        Transfer.startLibrary()
        guard let handle = curl_easy_init() else {
            return .failed(.failed("curl_easy_init: out of memory"), wasSent: false)
        }
        defer { curl_easy_cleanup(handle) }
        let ends = Ends(answerBytesMax: answerBytesMax, mayBeSent: mayBeSent)
        ccurl_set_text(handle, CURLOPT_URL, url)
        ccurl_set_text(handle, CURLOPT_CUSTOMREQUEST, method)
        ccurl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        ccurl_set_text(handle, CURLOPT_NOPROXY, "*")
        ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1)  // a signal for a time-out could hit any thread
        ccurl_set_long(handle, CURLOPT_TIMEOUT_MS, timeoutMilliseconds)
        if let socket { ccurl_set_text(handle, CURLOPT_UNIX_SOCKET_PATH, socket) }
        let list = setHeadersAndBody(handle)
        defer { curl_slist_free_all(list) }
        if let signature {
            ccurl_set_text(handle, CURLOPT_AWS_SIGV4, "aws:amz:\(signature.region):\(signature.service)")
            // Not CURLOPT_USERPWD: that one parts at the first colon.
            ccurl_set_text(handle, CURLOPT_USERNAME, signature.accessKey)
            ccurl_set_text(handle, CURLOPT_PASSWORD, signature.secretKey)
        }
        let code = perform(handle, ends)
        guard code == CURLE_OK else {
            if ends.isHeldBack { return .heldBack }
            var bytesSent = 0
            ccurl_get_long(handle, CURLINFO_REQUEST_SIZE, &bytesSent)
            return .failed(Transfer.fault(code, ends), wasSent: bytesSent > 0)
        }
        var status = 0
        ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
        return .answered(Answer(status: status, body: ends.bytes))
    }

    private func setHeadersAndBody(_ handle: OpaquePointer) -> UnsafeMutablePointer<curl_slist>? {
        var list: UnsafeMutablePointer<curl_slist>?
        if !body.isEmpty {
            list = curl_slist_append(list, "Content-Type: \(contentType)")
            ccurl_set_long(handle, CURLOPT_POSTFIELDSIZE, body.count)
            body.withUnsafeBytes {
                _ = ccurl_set_text(
                    handle, CURLOPT_COPYPOSTFIELDS, $0.baseAddress?.assumingMemoryBound(to: CChar.self))
            }
        }
        for line in headers { list = curl_slist_append(list, line) }
        if list != nil { ccurl_set_list(handle, CURLOPT_HTTPHEADER, list) }
        return list
    }

    private func perform(_ handle: OpaquePointer, _ ends: Ends) -> CURLcode {
        ccurl_set_writer(handle) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let ends = Unmanaged<Ends>.fromOpaque(context).takeUnretainedValue()
            return ends.take(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
        }
        if mayBeSent != nil {
            ccurl_set_gate(handle) { context, _, _, _, _ in
                guard let context else { return CURL_PREREQFUNC_ABORT }
                let ends = Unmanaged<Ends>.fromOpaque(context).takeUnretainedValue()
                return ends.mayPass() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
            }
        }
        return withExtendedLifetime(ends) {
            let context = Unmanaged.passUnretained(ends).toOpaque()
            ccurl_set_pointer(handle, CURLOPT_WRITEDATA, context)
            ccurl_set_pointer(handle, CURLOPT_PREREQDATA, context)
            return curl_easy_perform(handle)
        }
    }

    private static func fault(_ code: CURLcode, _ ends: Ends) -> TransferFault {
        switch code {
        case CURLE_COULDNT_CONNECT: .refused
        case CURLE_OPERATION_TIMEDOUT: .timeout
        case CURLE_WRITE_ERROR: .failed("the answer is longer than \(ends.answerBytesMax) bytes")
        default: .failed(String(cString: curl_easy_strerror(code)))
        }
    }

    /// What libcurl's callbacks are given.
    private final class Ends {
        let answerBytesMax: Int
        private(set) var bytes: [UInt8] = []
        private(set) var isHeldBack = false
        private let mayBeSent: (@Sendable () -> Bool)?

        init(answerBytesMax: Int, mayBeSent: (@Sendable () -> Bool)?) {
            self.answerBytesMax = answerBytesMax
            self.mayBeSent = mayBeSent
        }

        func take(_ part: UnsafeRawBufferPointer) -> Bool {
            guard bytes.count + part.count <= answerBytesMax else { return false }
            bytes.append(contentsOf: part)
            return true
        }

        func mayPass() -> Bool {
            guard let mayBeSent else { return true }
            isHeldBack = !mayBeSent()
            return !isHeldBack
        }
    }

    private static let isStarted = Mutex(false)

    /// libcurl must be set up once, before two threads use it.
    private static func startLibrary() {
        isStarted.withLock { isStarted in
            if !isStarted { curl_global_init(Int(CURL_GLOBAL_DEFAULT)) }
            isStarted = true
        }
    }
}
