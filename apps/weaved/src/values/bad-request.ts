/** A refusal that becomes the answer: thrown by parsers, caught once in the app. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";
}
