package import Store

extension FlagBook {
    /// What a reading found.
    package enum Finding: Sendable {
        /// The flags as Redis holds them.
        case read(Snapshot)
        /// Redis answers, and has lost flags that are in force: `Snapshot.lost`.
        case lost(Snapshot)
        /// Redis did not answer.
        case unanswered(StoreFault)
        /// Redis answered what cannot be read.
        case unreadable(String)

        /// Whether it tells the flags that Redis holds, and Redis has lost none.
        package var isRead: Bool {
            switch self {
            case .read: true
            case .lost, .unanswered, .unreadable: false
            }
        }
    }
}
