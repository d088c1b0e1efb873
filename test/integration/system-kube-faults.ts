import type { System } from '../harness/system-world.ts'

export function testKubeFaults(_system: () => System): void {}
