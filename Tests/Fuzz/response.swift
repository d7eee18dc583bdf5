/// The entry of libFuzzer for response heads.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    if let fault = FuzzProperties.response(bytes) { fatalError(fault) }
    return 0
}
