/// Whose CPU and memory are measured.
package enum Scope: Sendable, Equatable {
    /// The whole machine.
    case host
    /// The process whose id stands in a file, with its children.
    case process(pidFile: String)
}
