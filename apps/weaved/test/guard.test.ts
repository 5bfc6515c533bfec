import { EventEmitter } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { guardProcess } from "../src/guard.ts";

describe("an error that nothing caught", () => {
  it.each(["uncaughtException", "unhandledRejection"])(
    "(%s) is logged and counted, and ends the daemon cleanly",
    async (event) => {
      const source = new EventEmitter();
      const lines: object[] = [];
      const order: string[] = [];
      const exited = new Promise<number>((resolve) => {
        guardProcess(source as never, {
          log: { error: (message, fields) => void lines.push({ message, ...fields }) },
          count: () => void order.push("counted"),
          end: async () => void order.push("ended"),
          exit: (code) => {
            order.push("exit");
            resolve(code);
          },
        });
      });
      source.emit(event, new TypeError("boom"));
      source.emit(event, new TypeError("again"));
      expect(await exited).toBe(1);
      expect(order).toEqual(["counted", "ended", "counted", "exit"]);
      expect(lines[0]).toMatchObject({ code: "UNCAUGHT", stack: expect.stringContaining("TypeError: boom") });
    },
  );

  it("ends the process also when the daemon cannot be closed", async () => {
    vi.useFakeTimers();
    const source = new EventEmitter();
    const exit = vi.fn();
    guardProcess(source as never, { log: { error() {} }, count() {}, end: () => new Promise(() => {}), exit });
    source.emit("uncaughtException", new Error("boom"));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(exit).toHaveBeenCalledWith(1);
    vi.useRealTimers();
  });
});
