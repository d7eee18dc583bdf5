/// The entry of libFuzzer for request heads.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    if let fault = FuzzProperties.request(bytes) { fatalError(fault) }
    return 0
}
