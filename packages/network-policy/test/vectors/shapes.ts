import type { ShapeSuite } from "../../../../test/vectors/suite.ts";
import { calicoShape } from "./calico.ts";
import { kubernetesShape } from "./kubernetes.ts";
import { selectorShape } from "./selectors.ts";

/** Suites of policy vectors, which name no kind. */
export const policyShapes: readonly ShapeSuite[] = [selectorShape, kubernetesShape, calicoShape];
