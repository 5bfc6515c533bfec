import { createRequire } from "node:module";
import { DatapathError } from "../../errors.ts";

type Native = (...args: unknown[]) => number;

/** The part of koffi that is used; typed here so that its absence is a DatapathError at use instead of a failed import. */
interface Koffi {
  load(path: string | null): { func(prototype: string): (...args: unknown[]) => unknown };
  errno(): number;
  address(memory: Uint8Array): bigint;
}

/** Linux system calls through libc. All give -1 on failure; `errno` has the cause. */
export interface Libc {
  readonly read: Native;
  readonly write: Native;
  /** As `read`, `write`, with memory by number: no view is made per frame. */
  readonly readAt: Native;
  readonly writeAt: Native;
  readonly open: Native;
  readonly close: Native;
  readonly ioctl: Native;
  readonly socket: Native;
  readonly bind: Native;
  readonly connect: Native;
  readonly getsockname: Native;
  readonly setsockopt: Native;
  readonly getsockopt: Native;
  readonly sendmmsg: Native;
  readonly recvmmsg: Native;
  readonly poll: Native;
  readonly eventfd: Native;
  readonly setns: Native;
  readonly ifIndex: Native;
  /** Code of the last failure. */
  errno(): number;
  /** Where memory of a Buffer lies; it stays there as long as the Buffer is referenced. */
  address(memory: Uint8Array): bigint;
  /** Binds a C function of the running process, for sleeve-crypto's `gcmAead`. */
  bindOwn(prototype: string): (...args: unknown[]) => unknown;
}

let loaded: Libc | undefined;

/**
 * Loads libc, once per thread.
 * @throws DatapathError DATAPATH_NO_FFI where koffi's binary is missing (an install with `--omit=optional`) or this is not Linux
 */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

function load(): Libc {
  try {
    const koffi = createRequire(import.meta.url)("koffi") as Koffi;
    const library = koffi.load("libc.so.6");
    const native = (prototype: string): Native => library.func(prototype) as Native;
    const own = koffi.load(null);
    return {
      read: native("long read(int fd, void *buffer, size_t length)"),
      write: native("long write(int fd, void *buffer, size_t length)"),
      readAt: native("long read(int fd, uintptr_t buffer, size_t length)"),
      writeAt: native("long write(int fd, uintptr_t buffer, size_t length)"),
      open: native("int open(const char *path, int flags)"),
      close: native("int close(int fd)"),
      ioctl: native("int ioctl(int fd, unsigned long request, void *argument)"),
      socket: native("int socket(int domain, int type, int protocol)"),
      bind: native("int bind(int fd, void *address, uint32 length)"),
      connect: native("int connect(int fd, void *address, uint32 length)"),
      getsockname: native("int getsockname(int fd, void *address, void *length)"),
      setsockopt: native("int setsockopt(int fd, int level, int name, void *value, uint32 length)"),
      getsockopt: native("int getsockopt(int fd, int level, int name, void *value, void *length)"),
      sendmmsg: native("int sendmmsg(int fd, void *messages, uint32 count, int flags)"),
      recvmmsg: native("int recvmmsg(int fd, void *messages, uint32 count, int flags, void *timeout)"),
      poll: native("int poll(void *fds, unsigned long count, int timeoutMs)"),
      eventfd: native("int eventfd(uint32 initial, int flags)"),
      setns: native("int setns(int fd, int kind)"),
      ifIndex: native("uint32 if_nametoindex(const char *name)"),
      errno: () => koffi.errno(),
      address: (memory) => koffi.address(memory),
      bindOwn: (prototype) => own.func(prototype),
    };
  } catch (cause) {
    throw new DatapathError("DATAPATH_NO_FFI", "koffi cannot call libc here: is its binary installed?", { cause });
  }
}

/** Codes of failures that are handled; any other is an error. Source: asm-generic/errno*.h. */
export const EAGAIN = 11;
export const EINTR = 4;
export const EMSGSIZE = 90;
export const EINVAL = 22;
export const EIO = 5;
export const EADDRINUSE = 98;

/** Turns a failed call into an error that says which. */
export function syscallError(name: string): DatapathError {
  return new DatapathError("DATAPATH_SYSCALL", `${name} failed with errno ${libc().errno()}`);
}

/** Passes a call's result on, or throws. @throws DatapathError DATAPATH_SYSCALL */
export function must(result: number, name: string): number {
  if (result < 0) throw syscallError(name);
  return result;
}
