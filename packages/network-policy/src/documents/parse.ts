import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from "yaml";
import { type DocumentPath, PolicyError } from "../errors.ts";
import { type PolicyDocument, readDocument } from "../read/document.ts";

/** Why a document is refused, and where: everything that a person needs to find the character. */
export interface DocumentProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** Name of the policy, tier, or set; absent when the document has none. */
  readonly policy?: string | undefined;
  /** `spec.order: "x" is not a number`. */
  readonly message: string;
  /** `FILE:LINE:COLUMN: NAME: MESSAGE`, in one line. */
  readonly text: string;
}

/** What a text holds. Use `documents` only when there are no problems: a policy that is half read may open what it closes. */
export interface ParsedDocuments {
  readonly documents: readonly PolicyDocument[];
  readonly problems: readonly DocumentProblem[];
}

/** Longest text of one file, in UTF-16 units. */
const LONGEST = 4 * 1024 * 1024;

/**
 * Reads every document of a YAML or JSON text: plain policies, Kubernetes, Calico, and `List`s of them. Documents without
 * content are skipped.
 * @param file - what problems call the text
 */
export function parseDocuments(text: string, file = "input"): ParsedDocuments {
  const lines = new LineCounter();
  const found = { documents: [] as PolicyDocument[], problems: [] as DocumentProblem[] };
  const report = (at: number, message: string, policy?: string) => {
    const { line, col } = lines.linePos(at);
    const [place, oneLine] = [{ file, line: Math.max(line, 1), column: Math.max(col, 1) }, message.split("\n")[0]!];
    const name = policy === undefined ? "" : `${policy}: `;
    found.problems.push({
      ...place,
      ...(policy !== undefined && { policy }),
      message: oneLine,
      text: `${file}:${place.line}:${place.column}: ${name}${oneLine}`,
    });
  };
  if (text.length > LONGEST) {
    report(0, `the text is longer than ${LONGEST} characters; split it`);
    return found;
  }
  for (const document of readYaml(text, lines, report)) {
    for (const { value, path } of itemsOf(document.toJS({ maxAliasCount: 100 }))) {
      try {
        found.documents.push(readDocument(value));
      } catch (error) {
        if (!(error instanceof PolicyError)) throw error;
        report(positionOf(document, [...path, ...(error.path ?? [])], error.offset ?? 0), error.message, nameOf(value));
      }
    }
  }
  return found;
}

type Report = (at: number, message: string, policy?: string) => void;

function readYaml(text: string, lineCounter: LineCounter, report: Report): Document.Parsed[] {
  const parsed = parseAllDocuments(text, { lineCounter, prettyErrors: false, uniqueKeys: true, logLevel: "silent" });
  const documents = Array.isArray(parsed) ? parsed : [];
  return documents.filter((document) => {
    for (const { pos, message } of document.errors) report(pos[0], message);
    const empty = document.contents === null || (isScalar(document.contents) && document.contents.value === null);
    return document.errors.length === 0 && !empty && resolves(document, report);
  });
}

/** Whether aliases can be expanded: their number is bounded, so that a small text does not become a huge value. */
function resolves(document: Document.Parsed, report: Report): boolean {
  try {
    document.toJS({ maxAliasCount: 100 });
    return true;
  } catch (error) {
    report(document.range[0], error instanceof Error ? error.message : String(error));
    return false;
  }
}

/** The documents of a `List`, as `kubectl get -o yaml` writes it, or the one document. */
function itemsOf(value: unknown): { readonly value: unknown; readonly path: DocumentPath }[] {
  const list = value as { readonly kind?: unknown; readonly items?: unknown } | null;
  const isList =
    typeof list === "object" && list !== null && typeof list.kind === "string" && list.kind.endsWith("List");
  if (!isList || !Array.isArray(list.items)) return [{ value, path: [] }];
  return list.items.map((item: unknown, i) => ({ value: item, path: ["items", i] }));
}

function nameOf(value: unknown): string | undefined {
  const { name, metadata } = (value ?? {}) as {
    readonly name?: unknown;
    readonly metadata?: { readonly name?: unknown };
  };
  const found = metadata?.name ?? name;
  return typeof found === "string" && found.length <= 253 ? found : undefined;
}

/** Where the value of a field begins, or its nearest parent that exists. */
function positionOf(document: Document.Parsed, path: DocumentPath, offset: number): number {
  let node: Node | null = document.contents;
  for (const part of path) {
    const inner = isMap(node) || isSeq(node) ? node.get(part, true) : undefined;
    if (inner === undefined || inner === null) return node?.range?.[0] ?? document.range[0];
    node = inner as Node;
  }
  const quoted = isScalar(node) && (node.type === "QUOTE_SINGLE" || node.type === "QUOTE_DOUBLE") ? 1 : 0;
  return (node?.range?.[0] ?? document.range[0]) + (isScalar(node) ? offset + quoted : 0);
}
