/**
 * - `TYPE_UNKNOWN`: an instance type that the table does not have.
 * - `SETTING_INVALID`: a number, CIDR, or plan that makes no sense; the message names it.
 * - `INPUT_INVALID`: a saved VPC or a plan file that cannot be read.
 */
export type EniPlannerErrorCode = "TYPE_UNKNOWN" | "SETTING_INVALID" | "INPUT_INVALID";

/** Every failure of this package. Branch on `code`; the message is for people and may change. */
export class EniPlannerError extends Error {
  override readonly name = "EniPlannerError";
  readonly code: EniPlannerErrorCode;

  constructor(code: EniPlannerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
