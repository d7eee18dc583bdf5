import Glibc

/// A program that the bench has started; the stage ends it.
struct Child {
    /// The most of a child's output that is read.
    static let outputBytesMax = 64 * 1024

    let name: String
    let pid: pid_t
    let log: String

    /// What it has written so far.
    var output: String { TextFile.read(log, atMost: Child.outputBytesMax) ?? "" }
}
