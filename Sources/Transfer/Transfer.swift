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

    /// The URL; with `socket` its host only names the peer.
    package var url: String
    /// `GET`, `POST`, `DELETE`, …
    package var method = "GET"
    /// A JSON body; none when empty.
    package var json: [UInt8] = []
    /// Further header fields, as `Name: value`.
    package var fields: [String] = []
    /// A unix socket to connect to in place of the URL's host.
    package var socket: String?
    /// The time for everything, in milliseconds.
    package var timeoutMilliseconds = 5000

    /// Answers longer than this are refused, in bytes.
    private static let answerBytesMax = 64 * 1024 * 1024

    /// A transfer of one URL.
    package init(url: String) { self.url = url }

    /// Performs the exchange; every status is an answer.
    package func perform() throws(TransferFault) -> Answer {
        Transfer.startLibrary()
        guard let handle = curl_easy_init() else { throw .failed("curl_easy_init: out of memory") }
        defer { curl_easy_cleanup(handle) }
        let sink = Sink()
        var list: UnsafeMutablePointer<curl_slist>?
        defer { curl_slist_free_all(list) }
        ccurl_set_text(handle, CURLOPT_URL, url)
        ccurl_set_text(handle, CURLOPT_CUSTOMREQUEST, method)
        ccurl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        ccurl_set_text(handle, CURLOPT_NOPROXY, "*")
        ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1)  // a signal for a time-out could hit any thread
        ccurl_set_long(handle, CURLOPT_TIMEOUT_MS, timeoutMilliseconds)
        if let socket { ccurl_set_text(handle, CURLOPT_UNIX_SOCKET_PATH, socket) }
        if !json.isEmpty {
            list = curl_slist_append(list, "Content-Type: application/json")
            ccurl_set_long(handle, CURLOPT_POSTFIELDSIZE, json.count)
            let text = String(decoding: json, as: UTF8.self)
            ccurl_set_text(handle, CURLOPT_COPYPOSTFIELDS, text)
        }
        for field in fields { list = curl_slist_append(list, field) }
        if list != nil { ccurl_set_list(handle, CURLOPT_HTTPHEADER, list) }
        ccurl_set_writer(handle) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
            let length = size * count
            guard sink.bytes.count + length <= Transfer.answerBytesMax else { return 0 }
            bytes.withMemoryRebound(to: UInt8.self, capacity: length) {
                sink.bytes.append(contentsOf: UnsafeBufferPointer(start: $0, count: length))
            }
            return length
        }
        let code = withExtendedLifetime(sink) {
            ccurl_set_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(sink).toOpaque())
            return curl_easy_perform(handle)
        }
        switch code {
        case CURLE_OK: break
        case CURLE_COULDNT_CONNECT: throw .refused
        case CURLE_OPERATION_TIMEDOUT: throw .timeout
        default: throw .failed(String(cString: curl_easy_strerror(code)))
        }
        var status = 0
        ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
        return Answer(status: status, body: sink.bytes)
    }

    private final class Sink { var bytes: [UInt8] = [] }

    private static let isStarted = Mutex(false)

    /// libcurl must be set up once, before two threads use it.
    private static func startLibrary() {
        isStarted.withLock { isStarted in
            if !isStarted { curl_global_init(Int(CURL_GLOBAL_DEFAULT)) }
            isStarted = true
        }
    }
}
