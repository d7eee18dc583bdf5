package import Linux
import Synchronization

/// How often each client may ask: a bucket of tokens for each address (of IPv6, each network of 64 bits).
package final class ClientRates: Sendable {
    private struct Bucket {
        var tokens: Double
        var at: Instant
    }

    private let buckets = Mutex<[ArraySlice<UInt8>: Bucket]>([:])

    /// Requests a second that a client may go on with.
    package static let perSecond = 100.0
    /// Requests that a rested client may make at once.
    package static let burst = 500.0
    /// Clients that are told apart at a time; a bucket that is full again is forgotten.
    static let clientsMax = 4096

    /// Clients that are told apart now.
    var clients: Int { buckets.withLock { $0.count } }

    /// Buckets that are all full.
    package init() {}

    /// Takes a token; false when the client's bucket is empty.
    package func admits(_ client: SocketAddress, at now: Instant) -> Bool {
        let key = client.bytes.count == 16 ? client.bytes.prefix(8) : client.bytes[...]
        return buckets.withLock { buckets in
            var bucket = buckets[key] ?? Bucket(tokens: ClientRates.burst, at: now)
            ClientRates.fill(&bucket, at: now)
            let admits = bucket.tokens >= 1
            if admits { bucket.tokens -= 1 }
            if buckets[key] == nil, buckets.count >= ClientRates.clientsMax {
                ClientRates.makeRoom(in: &buckets, at: now)
            }
            buckets[key] = bucket
            return admits
        }
    }

    private static func fill(_ bucket: inout Bucket, at now: Instant) {
        let seconds = Double(max(0, now.milliseconds(since: bucket.at))) / 1000
        bucket.tokens = min(burst, bucket.tokens + seconds * perSecond)
        if seconds > 0 { bucket.at = now }
    }

    /// Forgets who has a full bucket; when nobody has, everybody: too generous, but the table cannot grow.
    private static func makeRoom(in buckets: inout [ArraySlice<UInt8>: Bucket], at now: Instant) {
        buckets = buckets.filter { entry in
            var bucket = entry.value
            fill(&bucket, at: now)
            return bucket.tokens < burst
        }
        if buckets.count >= clientsMax { buckets = [:] }
    }
}
