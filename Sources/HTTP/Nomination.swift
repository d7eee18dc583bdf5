/// Fields that `Connection` names: they end at this hop (RFC 9110 §7.6.1).
extension FieldSummary {
    /// True when one of the head's `Connection` fields names this field, one of the head's own.
    @inlinable @inline(__always)
    public func nominates(
        _ field: Field, _ base: UnsafePointer<UInt8>, _ fields: UnsafePointer<Field>
    ) -> Bool { field.isNominated }

    /// Marks the fields that `Connection` names, once the head is whole.
    ///
    /// Names are compared by their hashes, made once of each: the work grows with the head's bytes, and with its fields
    /// by a small number each, however the names are chosen. A forged collision only drops a field that its sender could
    /// have named as well.
    @inline(never)
    func markNominated(_ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>) {
        // As many as `HeadLimits.connectionElements`.
        var hashes = InlineArray<32, UInt64>(repeating: 0)
        var known = 0
        // A bit for each length modulo 64: most fields need no hash.
        var lengths: UInt64 = 0
        for index in 0..<count where fields[index].kind == .connection {
            let value = fields[index].value
            var list = TokenList(base + value.start, value.count)
            while known < hashes.count, let token = try? list.next() {
                hashes[known] = FieldSummary.hash(base + value.start + token.start, token.count)
                known += 1
                lengths |= 1 << UInt64(token.count & 63)
            }
        }
        for index in 0..<count {
            let name = fields[index].name
            guard lengths >> UInt64(name.count & 63) & 1 == 1 else { continue }
            let hash = FieldSummary.hash(base + name.start, name.count)
            for other in 0..<known where hashes[other] == hash { fields[index].isNominated = true }
        }
    }

    /// The hash (FNV-1a) of a name, whose letters count in lower case.
    private static func hash(_ name: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in 0..<count { hash = (hash ^ UInt64(Bytes.lower(name[index]))) &* 0x100_0000_01b3 }
        return hash
    }
}
