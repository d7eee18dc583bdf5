import Linux
import Transfer

extension CredentialWorld {
    /// The world as it is: files, metadata services and the clock.
    package static func real(environment: [String: String]) -> CredentialWorld {
        CredentialWorld(
            environment: environment,
            read: { SmallFile.read($0, bytesMax: fileBytesMax) },
            ask: { question in
                var transfer = Transfer(url: question.url)
                transfer.method = question.method
                transfer.headers = question.headers
                transfer.timeoutMilliseconds = milliseconds
                transfer.answerBytesMax = answerBytesMax
                guard case .answered(let answer) = transfer.exchange() else { return nil }
                return (answer.status, answer.body)
            },
            now: { WallClock.milliseconds() })
    }

    private static let fileBytesMax = 1024 * 1024
    private static let answerBytesMax = 64 * 1024
    /// The time for one question: outside of a cloud nobody answers at these addresses.
    private static let milliseconds = 2000
}
