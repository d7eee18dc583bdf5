/// One exchange as a worker writes it down: numbers of fixed size, and behind them the bytes of client, peer,
/// server, id, method and target, in this order.
struct LogRecord: BitwiseCopyable {
    /// The longest target that is logged; of a longer one the beginning is.
    static let targetBytesMax = 1024
    /// The longest method that any head may have, with room to spare.
    static let methodBytesMax = 32
    /// No record is longer.
    static let bytesMax = 2048

    /// Of the whole record with its bytes and what fills it to a multiple of 8.
    var length: UInt32 = 0
    var status: UInt16 = 0
    var targetLength: UInt16 = 0
    var clientLength: UInt8 = 0
    /// 0 where the client is the peer.
    var peerLength: UInt8 = 0
    var serverLength: UInt8 = 0
    var idLength: UInt8 = 0
    var methodLength: UInt8 = 0
    var minorVersion: UInt8 = 0
    var attempts: UInt8 = 0
    var end = EndReason.none
    /// The raw value of the `MessageFault`; counts where `end` is one of those with a fault.
    var fault: UInt8 = 0
    var hasHead = false
    var isCutShort = false
    /// The last attempt went over a connection that had served before.
    var reusedConnection = false
    /// Nanoseconds since boot; 0 for what never came.
    var began: Int64 = 0
    var headDone: Int64 = 0
    var chosen: Int64 = 0
    var dispatched: Int64 = 0
    var firstByte: Int64 = 0
    var ended: Int64 = 0
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0

    /// The length of all the bytes behind the numbers.
    var textBytes: Int {
        Int(clientLength) + Int(peerLength) + Int(serverLength) + Int(idLength) + Int(methodLength)
            + Int(targetLength)
    }
}
