extension String {
    /// True for 1…`bytesMax` bytes of `A-Z a-z 0-9 . _ -`: a name that files, keys, requests and logs can hold.
    package func isPlainName(bytesMax: Int) -> Bool {
        (1...bytesMax).contains(utf8.count)
            && utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
