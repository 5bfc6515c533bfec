/** What the proxy does with one kind of request. Absent parts let everything pass. */
export interface Interception {
  /** The body to send instead; undefined leaves the request as it is. Throws {@link Refusal} to answer in Docker's place. */
  request?(body: Buffer): Promise<Uint8Array | undefined>;
  /** Called with the status of Docker's answer before the client sees any of it; may take its time, or refuse. */
  beforeAnswer?(status: number): Promise<void>;
  /** The body to answer instead of Docker's; undefined leaves the answer as it is. */
  answer?(status: number, body: Buffer): Promise<Uint8Array | undefined>;
}

/** A request as an interceptor sees it. */
export interface ProxyRequest {
  readonly method: string;
  /** Without query; decoded, without empty or dot segments and without a final slash, as Docker matches it. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Which requests are looked into; undefined passes one through untouched. */
export type Intercept = (request: ProxyRequest) => Interception | undefined;

/** An answer of the proxy's own. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
