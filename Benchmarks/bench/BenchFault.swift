/// Why the bench stopped; the description is all that its user gets to see.
struct BenchFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
