/**
 * Runs the callbacks of sockets and timers so that an error which nothing expected is reported, and costs the connection it
 * came from, instead of ending the process.
 */
import type { Clock, Stream, StreamEvents, Transport } from "./ports.ts";

/** Takes an error that a callback has thrown. */
export type ReportError = (where: string, error: unknown) => void;

/** A clock whose timers cannot throw. */
export function superviseClock(clock: Clock, report: ReportError): Clock {
  return {
    now: () => clock.now(),
    after: (ms, fn) =>
      clock.after(ms, () => {
        try {
          fn();
        } catch (error) {
          report("a timer", error);
        }
      }),
  };
}

/** A transport whose callbacks cannot throw. A stream whose callback throws is closed. */
export function superviseTransport(transport: Transport, report: ReportError): Transport {
  const take = (stream: Stream, use: (stream: Stream) => void): void =>
    guard(stream, report, () => use(superviseStream(stream, report)));
  return {
    resolve: (host) => transport.resolve(host),
    onStream: (fn) => transport.onStream((stream) => take(stream, fn)),
    dial(to, done) {
      const finish = (result: Stream | Error): void => {
        if (!(result instanceof Error)) take(result, done);
        else guard(undefined, report, () => done(result));
      };
      try {
        return transport.dial(to, finish);
      } catch (error) {
        // An address that the transport does not take at all is a failed attempt like any other.
        finish(error as Error);
        return () => {};
      }
    },
  };
}

function superviseStream(stream: Stream, report: ReportError): Stream {
  const run = (callback: () => void): void => guard(stream, report, callback);
  return {
    local: stream.local,
    remote: stream.remote,
    write: (bytes) => stream.write(bytes),
    close: () => stream.close(),
    open: (events: StreamEvents) =>
      stream.open({
        data: (bytes) => run(() => events.data(bytes)),
        drained: () => run(() => events.drained()),
        closed: (reason) => run(() => events.closed(reason)),
      }),
  };
}

function guard(stream: Stream | undefined, report: ReportError, callback: () => void): void {
  try {
    callback();
  } catch (error) {
    report(stream ? `a stream with ${stream.remote.address}:${stream.remote.port}` : "an attempt to dial", error);
    stream?.close();
  }
}
