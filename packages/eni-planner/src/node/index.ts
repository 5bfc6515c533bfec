/**
 * Reads a VPC through the EC2 API.
 *
 * @packageDocumentation
 */
export { type ReadVpcOptions, readVpc } from "./read-vpc.ts";
