// The backend that every proxy in the benchmark forwards to: one thread, one epoll, a fixed 128-byte answer.
import Glibc
import Linux

private let arguments = CommandLine.arguments
guard arguments.count == 3 else {
    print("usage: bench-backend ADDRESS:PORT CONTROL-ADDRESS:PORT")
    exit(64)
}
do {
    let backend = try Backend(
        listen: try SocketAddress(arguments[1]), control: try SocketAddress(arguments[2]))
    try backend.run()
} catch {
    print("bench-backend: \(error)")
    exit(1)
}
