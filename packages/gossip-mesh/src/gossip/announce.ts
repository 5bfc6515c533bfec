/**
 * To whom news of a peer is announced, so that everybody hears of it, and nobody from too many.
 *
 * A peer X tells its neighbours itself. Of those, two tell each peer Y that shares neighbours with X; who is told by the
 * records of X and Y alone, so the others know that it is not them. Peers farther away are told by those who hear first.
 *
 * ```
 *   X ---- a ---- Y        a, b, c know X's news from X; two of them tell Y
 *   | \-- b ---/ |
 *   \---- c ---/ Z        Y tells Z, unless the one that told Y is Z's neighbour as well
 * ```
 * In a full mesh nothing is announced at all. To search the tree that a broadcast of X takes would be exact, too, but costs
 * a search for each update.
 */
import type { PeerName, Random } from "../ports.ts";
import { findLink, type Graph, type Link } from "../topology/record.ts";

/** Announcers to each peer that shares neighbours with the one concerned: one may have another view, or be gone. */
const ANNOUNCERS = 2;

/**
 * The neighbours that we tell of a change of peer `about`.
 *
 * @param from - who told us; absent if nobody had to
 */
export function peersToAnnounceTo(
  graph: Graph & { readonly self: PeerName },
  about: PeerName,
  from?: PeerName,
): Link[] {
  const own = graph.get(graph.self)!.links;
  const told = graph.get(about)?.links ?? [];
  if (told.length >= graph.size - 1) return [];
  const teller = from === undefined || from === about ? [] : (graph.get(from)?.links ?? []);
  const tells = findLink(told, graph.self) !== undefined;
  const tell: Link[] = [];
  let i = 0;
  for (const link of own) {
    while (i < told.length && told[i]!.to < link.to) i++;
    if (told[i]?.to === link.to || link.to === about || link.to === from) continue;
    if (concernsUs(graph, { about, told, tells, teller, to: link.to })) tell.push(link);
  }
  return tell;
}

interface Question {
  readonly about: PeerName;
  /** Links of the peer concerned. */
  readonly told: readonly Link[];
  /** Whether we are among them. */
  readonly tells: boolean;
  /** Links of who told us. */
  readonly teller: readonly Link[];
  readonly to: PeerName;
}

function concernsUs(graph: Graph & { readonly self: PeerName }, { about, told, tells, teller, to }: Question): boolean {
  const theirs = graph.get(to)?.links ?? [];
  // Only those of whom both speak have a turn; the others have but to see that there is one.
  const mayHaveTurn = tells && findLink(theirs, graph.self) !== undefined;
  let shared = 0;
  let ourTurn: number | undefined;
  for (let i = 0, j = 0; i < told.length && j < theirs.length; ) {
    const order = told[i]!.to - theirs[j]!.to;
    if (order === 0) {
      if (!mayHaveTurn) return false;
      if (told[i]!.to === graph.self) ourTurn = shared;
      shared++;
    }
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  if (shared === 0) return findLink(teller, to) === undefined;
  // Whose turn it is first differs from pair to pair, so that the work is spread.
  return ourTurn !== undefined && (ourTurn + about + to) % shared < ANNOUNCERS;
}

/** Some elements, each as likely as another. */
export function drawSome<T>(all: readonly T[], random: Random, count: number): T[] {
  const rest = all.slice();
  for (let i = 0; i < Math.min(count, all.length); i++) {
    const at = i + Math.floor(random() * (rest.length - i));
    [rest[i], rest[at]] = [rest[at]!, rest[i]!];
  }
  return rest.slice(0, count);
}
