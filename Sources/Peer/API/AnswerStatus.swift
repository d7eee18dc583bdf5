import Store

extension StoreFault {
    /// The status of an answer that this fault stands in for: 503 while Redis cannot be reached, 502 when it answers with
    /// an error.
    var httpStatus: Int {
        switch self {
        case .rejected, .malformed, .misconfigured, .unknownMaster: 502
        case .unreachable, .timeout, .backingOff: 503
        }
    }
}
