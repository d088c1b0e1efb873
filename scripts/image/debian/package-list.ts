import * as v from 'valibot'

/** One binary package, exactly: what a lock file says of it. */
const debianPackage = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.+-]+$/)),
  version: v.pipe(v.string(), v.regex(/^[0-9][0-9A-Za-z.+:~-]*$/)),
  architecture: v.picklist(['amd64', 'arm64', 'all']),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
})

export type DebianPackage = v.InferOutput<typeof debianPackage>

/** A list of packages in the order of their names, as a lock file holds it. */
export const debianPackages = v.pipe(v.array(debianPackage), v.minLength(1))

/** Packages with everything that apt says they need, or exactly those named. */
export interface PackageWish {
  readonly names: readonly string[]
  /** Whether what they depend on comes along; what they only recommend never does. */
  readonly dependencies: boolean
}
