import { join } from 'node:path'
import { Apt } from '../debian/apt.ts'
import { debianEntries, statusEntries, unpackRoot } from '../debian/root-tree.ts'
import type { Architecture } from '../oci/image-layout.ts'
import { type LayerEntry, ROOT_OWNER } from '../oci/layer-entry.ts'
import type { ImageLock } from './lock-file.ts'

/** Who runs in the image unless a manifest says otherwise: the number that images without a shell agree on. */
export const USER_ID = 65_532

/** Parts of the packages that podid never runs or reads; scripts among them could not run without a shell. */
const LEFT_OUT: readonly RegExp[] = [
  /^usr\/bin\/iptables-xml$/,
  /^usr\/sbin\/(arptables|ebtables).*/,
  /^usr\/sbin\/(ip6?tables-apply|ip6?tables-(restore-)?translate|nfnl_osf|update-ca-certificates|xtables-monitor)$/,
  /^usr\/share\/(ca-certificates|iptables|xtables)$/,
  /^usr\/lib\/[^/]+\/(audit|lib(BrokenLocale|anl|c_malloc_debug|memusage|nsl|nss_compat|nss_hesiod|pcprofile|thread_db)\.so.*)$/,
  /^etc\/(ca-certificates|ld\.so\.conf\.d|rpc|ethertypes)$/,
]

const ACCOUNTS = [
  'root:x:0:0:root:/:/sbin/nologin',
  'nobody:x:65534:65534:nobody:/:/sbin/nologin',
  `podid:x:${USER_ID}:${USER_ID}:podid:/:/sbin/nologin`,
]

const GROUPS = ['root:x:0:', 'nogroup:x:65534:', `podid:x:${USER_ID}:`]

const text = (path: string, lines: readonly string[]): LayerEntry => ({
  kind: 'file',
  path,
  content: `${lines.join('\n')}\n`,
  mode: 0o644,
  ...ROOT_OWNER,
})

/**
 * Debian's part: C and C++ libraries, iptables with both back ends, conntrack, certificate authorities,
 * each package's copyright file and its entry for vulnerability scanners. No shell, no package manager.
 * @param scratch a folder for the unpacked files, which must stay until the layer is written
 */
export async function baseEntries(
  architecture: Architecture,
  lock: ImageLock,
  scratch: string,
): Promise<readonly LayerEntry[]> {
  const folder = join(scratch, `base-${architecture}`)
  const packages = lock.debian[architecture]
  const apt = new Apt(architecture)
  await unpackRoot({ apt, packages, folder })
  return [
    ...(await debianEntries(folder, (path) => !LEFT_OUT.some((each) => each.test(path)))),
    ...(await statusEntries({ apt, packages })),
    text('etc/passwd', ACCOUNTS),
    text('etc/group', GROUPS),
    text('etc/nsswitch.conf', ['passwd: files', 'group: files', 'hosts: files dns']),
  ]
}
