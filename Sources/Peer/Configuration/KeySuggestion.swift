/// The number of letters to change, add, drop or swap with a neighbour to get from one word to the other.
func editDistance(_ left: String, _ right: String) -> Int {
    let left = Array(left.utf8)
    let right = Array(right.utf8)
    var beforePrevious = [Int](repeating: 0, count: right.count + 1)
    var previous = Array(0...right.count)
    for row in 0..<left.count {
        var current = [row + 1] + [Int](repeating: 0, count: right.count)
        for column in 0..<right.count {
            let change = left[row] == right[column] ? 0 : 1
            var best = min(previous[column] + change, previous[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                best = min(best, beforePrevious[column - 1] + 1)
            }
            current[column + 1] = best
        }
        (beforePrevious, previous) = (previous, current)
    }
    return previous[right.count]
}

/// The candidate that a misspelt word most likely meant; nil when none is near.
func nearest<Candidate>(
    to word: String, among candidates: [(word: String, value: Candidate)]
) -> Candidate? {
    let bytesMax = 64  // longer words mean none of ours, and the distance costs their product
    guard word.utf8.count <= bytesMax else { return nil }
    let distanceMax = max(1, word.utf8.count / 3)
    let rated = candidates.map { (editDistance(word, $0.word), $0.value) }
    guard let best = rated.min(by: { $0.0 < $1.0 }), best.0 <= distanceMax else { return nil }
    return best.1
}
