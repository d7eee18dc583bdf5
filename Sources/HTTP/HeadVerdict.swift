/// What a parser says of the bytes so far.
public enum HeadVerdict: Equatable, Sendable {
    /// The head is not complete; call again with the same bytes and more behind them.
    case needMore
    case complete
    /// The message is refused; the connection's bytes mean nothing from here on.
    case refused(MessageFault)
}
