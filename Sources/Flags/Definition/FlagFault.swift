/// One thing that is wrong with a definition: where, and what was expected there.
package struct FlagFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where, as `targeting.if[0].sem_ver[1]`; empty for the whole.
    package let path: String
    /// What is wrong, for people.
    package let problem: String

    /// So many faults of one definition are told.
    package static let toldMax = 8

    /// A fault at a place.
    package init(path: String, problem: String) {
        self.path = path
        self.problem = problem
    }

    package var description: String { path.isEmpty ? problem : "\(path): \(problem)" }
}

/// Everything that is wrong with a definition.
package struct DefinitionFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// At least one.
    package let faults: [FlagFault]

    /// The faults of a definition.
    package init(_ faults: [FlagFault]) { self.faults = faults }

    init(_ path: String, _ problem: String) { faults = [FlagFault(path: path, problem: problem)] }

    package var description: String { faults.map(\.description).joined(separator: "; ") }
}
