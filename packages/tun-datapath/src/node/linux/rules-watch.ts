import { libc, must } from "./libc.ts";

const AF_NETLINK = 16;
/** Raw, non-blocking, close-on-exec. */
const SOCK_RAW_FLAGS = 3 | 0o4000 | 0o2000000;
const NETLINK_NETFILTER = 12;
/** Group 7, NFNLGRP_NFTABLES, as a bit. Source: linux/netfilter/nfnetlink.h. */
const NFTABLES_GROUP = 1 << 6;

/** Hears that the rules of nftables in this network namespace have changed, whoever changed them. */
export interface RulesWatch {
  readonly fd: number;
  /** Takes what is there. It does not say what changed, so the caller compares. */
  drain(): void;
  close(): void;
}

/** Opens the watch. @throws DatapathError DATAPATH_SYSCALL */
export function openRulesWatch(): RulesWatch {
  const c = libc();
  const fd = must(c.socket(AF_NETLINK, SOCK_RAW_FLAGS, NETLINK_NETFILTER), "socket AF_NETLINK");
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(NFTABLES_GROUP, 8);
  if (c.bind(fd, address, 12) < 0) {
    c.close(fd);
    must(-1, "bind AF_NETLINK");
  }
  const sink = Buffer.alloc(65_536);
  return {
    fd,
    // A failed read may mean that messages were lost, which is news as well.
    drain() {
      for (let i = 0; i < 64 && c.read(fd, sink, sink.length) > 0; i++);
    },
    close: () => void c.close(fd),
  };
}
