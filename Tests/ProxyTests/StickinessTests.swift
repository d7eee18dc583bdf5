import HTTP
import Linux
import Testing

@testable import Proxy

/// Consistent hashing and cookies, apart from sockets.
@Suite struct StickinessTests {
    private func ring(_ names: [UInt64], weights: [Int32]? = nil, listed: [Int32]? = nil) -> (UInt64) -> Int32
    {
        let weights = weights ?? names.map { _ in 100 }
        let slots = PlainArray<Int32>(names.count)
        for index in names.indices { slots[index] = Int32(truncatingIfNeeded: names[index]) }
        let ring = HashRing.make(
            slots: slots, names: names.map(StableHash.mix),
            weights: weights, listed: listed ?? weights)
        return { hash in
            var place = HashRing.place(of: hash)
            while ring[place] < 0 { place = (place + 1) % HashRing.size }
            return ring[place]
        }
    }

    private let clients = (0..<4_000).map { StableHash.mix(UInt64($0) &+ 12_345) }

    @Test func aServerThatGoesTakesOnlyItsOwnClients() {
        let before = ring(Array(1...10))
        let after = ring([1, 2, 3, 4, 6, 7, 8, 9, 10])
        for client in clients where before(client) != 5 { #expect(before(client) == after(client)) }
        let counts = Dictionary(grouping: clients, by: before).mapValues(\.count)
        #expect(counts.count == 10 && counts.values.allSatisfy { (250...600).contains($0) }, "\(counts)")
    }

    @Test func aHeavyServerThatDrainsTakesOnlyItsOwnClients() {
        let weights: [Int32] = [200] + [Int32](repeating: 50, count: 32)
        let names = (1...33).map { UInt64($0) }
        let before = ring(names, weights: weights)
        let after = ring(Array(names.dropFirst()), weights: Array(weights.dropFirst()), listed: weights)
        for client in clients where before(client) != 1 { #expect(before(client) == after(client)) }
    }

    @Test func theOrderOfTheListDoesNotMatter() {
        let one = ring(Array(1...20))
        let two = ring((1...20).reversed())
        #expect(clients.allSatisfy { one($0) == two($0) })
    }

    @Test func weightsCount() {
        let picked = clients.map(ring([1, 2], weights: [200, 50]))
        let share = Double(picked.filter { $0 == 1 }.count) / Double(clients.count)
        #expect(abs(share - 0.8) < 0.06, "\(share)")
    }

    @Test func namesAreFound() {
        let names = (0..<1_000).map { StableHash.mix($0) }
        let slots = PlainArray<Int32>(names.count)
        for index in names.indices { slots[index] = Int32(index) }
        let table = NameTable.make(slots: slots, names: names)
        for (index, name) in names.enumerated() {
            #expect(NameTable.slot(of: name, in: table.base, table.count) == Int32(index))
        }
        #expect(NameTable.slot(of: 1, in: table.base, table.count) == -1)
    }

    private var cookieName: StickyCookie.Name {
        var name = StickyCookie.Name(repeating: 0)
        for (index, byte) in "troop".utf8.enumerated() { name[index] = byte }
        return name
    }

    @Test(arguments: [
        ("troop=00000000000000ff", UInt64(255)), ("a=b; troop=00000000000000ff; c=d", 255),
        ("a=b;troop=fedcba9876543210", 0xfedc_ba98_7654_3210), ("troop=00000000000000fg", nil),
        ("troop=ff", nil), ("xtroop=00000000000000ff", nil), ("troop=00000000000000ff0", nil), ("", nil),
        (";;; ", nil), ("troop", nil), ("TROOP=00000000000000ff", nil),
    ]) func cookiesAreFound(_ text: String, _ expected: UInt64?) {
        let bytes = Array(text.utf8)
        let found = bytes.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.flatMap { StickyCookie.find(cookieName, 5, in: $0, buffer.count) }
        }
        #expect(found == expected)
    }

    @Test func aWrittenCookieIsFoundAgain() {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: StickyCookie.fieldBytesMax)
        defer { memory.deallocate() }
        var writer = HeadWriter(memory, capacity: StickyCookie.fieldBytesMax)
        StickyCookie.write(cookieName, 5, 0x1234_5678_9abc_def0, to: &writer)
        let text = String(decoding: UnsafeBufferPointer(start: memory, count: writer.count), as: UTF8.self)
        #expect(text == "Set-Cookie: troop=123456789abcdef0; Path=/; HttpOnly; SameSite=Lax\r\n\r\n")
        #expect(StickyCookie.find(cookieName, 5, in: memory + 12, 22) == 0x1234_5678_9abc_def0)
    }
}
