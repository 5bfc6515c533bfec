import { type CryptoProvider, tweetnaclProvider } from "../src/index.ts";
import { sodiumProvider } from "../src/node/index.ts";

const sodium = sodiumProvider();

/** Every provider that loads here, by name. */
export const providers: [string, CryptoProvider][] = [tweetnaclProvider, ...(sodium ? [sodium] : [])].map(
  (provider) => [provider.name, provider],
);
