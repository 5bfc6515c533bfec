/**
 * - `TEMPLATE_SYNTAX`: the template does not parse
 * - `TEMPLATE_EXECUTION`: the template asks for something that the data does not have, or uses up its limits
 */
export type TemplateErrorCode = "TEMPLATE_SYNTAX" | "TEMPLATE_EXECUTION";

/** A template that does not parse or cannot be executed. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
  readonly code: TemplateErrorCode;
  constructor(code: TemplateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An error in the words that Go's engine puts before it. */
export function syntaxError(message: string): TemplateError {
  return new TemplateError("TEMPLATE_SYNTAX", `template: format:1: ${message}`);
}

/** The reason why a template stopped. */
export function executionError(message: string): TemplateError {
  return new TemplateError("TEMPLATE_EXECUTION", message);
}
