import CLinux
import Glibc

/// A named POSIX thread; for work that must not wait for, or hold up, the cooperative pool.
package struct Thread {
    private final class Box {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private let handle: pthread_t

    /// Starts `body` on a new thread named `name` (15 bytes are kept); throws `EAGAIN` at the thread limit.
    package static func start(
        named name: String, _ body: @escaping @Sendable () -> Void
    ) throws(SystemFault) -> Thread {
        var handle = pthread_t()
        let box = Unmanaged.passRetained(Box(name: name, body: body))
        let code = pthread_create(
            &handle, nil,
            { argument in
                guard let argument else { return nil }
                let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
                clinux_name_this_thread(box.name)
                box.body()
                return nil
            }, box.toOpaque())
        guard code == 0 else {
            box.release()
            throw SystemFault("pthread_create", on: name, code: code)
        }
        return Thread(handle: handle)
    }

    /// Waits for the thread's end.
    package func join() { pthread_join(handle, nil) }

    /// Lets the thread end unobserved.
    package func detach() { pthread_detach(handle) }
}
