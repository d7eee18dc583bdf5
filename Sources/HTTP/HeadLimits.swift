/// What a head may measure; beyond it the message is refused.
public struct HeadLimits: Equatable, Sendable, BitwiseCopyable {
    /// The largest value that `headBytes` may have: ranges are 16-bit numbers.
    public static let headBytesCeiling = 32 * 1024
    /// The largest number of fields that a limit may allow.
    public static let fieldsCeiling = 1000
    /// The longest method that is looked at.
    static let methodBytes = 32
    /// The most elements that all `Connection` fields of one head may have together, empty ones and `close` as well:
    /// each costs work, whatever it says.
    static let connectionElements = 32

    /// The whole head in bytes, its empty line included.
    public let headBytes: Int
    /// The request target in bytes.
    public let targetBytes: Int
    /// The number of field lines.
    public let fields: Int

    /// Limits; values out of range are cut to the nearest one allowed.
    public init(headBytes: Int = 16 * 1024, targetBytes: Int = 8 * 1024, fields: Int = 100) {
        self.headBytes = min(max(headBytes, 64), HeadLimits.headBytesCeiling)
        self.targetBytes = min(max(targetBytes, 1), HeadLimits.headBytesCeiling)
        self.fields = min(max(fields, 1), HeadLimits.fieldsCeiling)
    }
}
