/// Whose CPU and memory are measured.
package enum Scope: Sendable, Equatable {
    /// The whole machine.
    case host
    /// A control group, as `/system.slice/app.service`; the agent's own when the path is nil.
    case cgroup(path: String?)
    /// The process whose id stands in a file, with its children.
    case process(pidFile: String)
}
