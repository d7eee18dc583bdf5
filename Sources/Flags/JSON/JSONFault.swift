/// Why a text is no JSON that is taken: where, and what was expected there.
package struct JSONFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// The line, from 1.
    package let line: Int
    /// The column in bytes, from 1.
    package let column: Int
    /// What is wrong.
    package let reason: String

    package var description: String { "line \(line), column \(column): \(reason)" }
}
