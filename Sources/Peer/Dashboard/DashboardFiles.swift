import CDashboard

/// The files of the dashboard and of the API's description, as they are in the program.
package enum DashboardFiles {
    /// One file.
    package struct File: Sendable {
        package var contentType: String
        package var body: [UInt8]
    }

    /// Every file by its path.
    package static let all: [String: File] = {
        var files: [String: File] = [:]
        for index in 0..<cdashboard_count() {
            let file = cdashboard_file(index)
            let bytes = UnsafeBufferPointer(start: file.bytes, count: file.size)
            files[String(cString: file.path)] = File(
                contentType: String(cString: file.type), body: Array(bytes))
        }
        return files
    }()

    /// Whether a path is one of the page's: they hold no secrets, and what asks for the token must itself be had
    /// without one.
    static func contains(_ path: String) -> Bool { all[path] != nil }

    /// The answer for a path of the page; nil for other paths.
    static func answer(_ path: String) -> Response? {
        all[path].map { Response(status: 200, contentType: $0.contentType, body: $0.body) }
    }
}
