/// What is aimed at, and whether it was reached.
enum Goal {
    /// Prints a goal, what was measured, and the verdict.
    static func say(_ what: String, _ value: Double, atMost limit: Double, places: Int) {
        let verdict = value <= limit ? "met" : "missed"
        Bench.say(
            "goal: \(what) at most \(limit.text(places: places)): \(verdict) "
                + "(\(value.text(places: places)))")
    }
}
