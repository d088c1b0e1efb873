import { type Row, section } from '../row.ts'

const { same, differs } = section(7, 'flag')
const FLAGS = 'test/conformance/flags.test.ts'
const COMMAND = 'src/cli/flag-command.test.ts'

export const FLAGS_ROWS: readonly Row[] = [
  same('every flag of the old NMI is known with its default', [
    FLAGS,
    'every flag of the old NMI is known with its default, but for the listed ones',
  ]),
  same('every flag of the old MIC is known with its default', [
    FLAGS,
    'every flag of the old MIC is known with its default, but for the listed ones',
  ]),
  same('the flags of NMI decide what they decided', [
    FLAGS,
    'the old NMI flags reach the request path and the rules',
  ]),
  same('the flags of MIC decide what they decided', [FLAGS, 'the old MIC flags reach the controller']),
  differs(
    '--enableProfile opens profiling, --enableScaleFeatures, the type upgrade and -logtostderr switch',
    [FLAGS, 'flags that have lost their meaning are accepted and change nothing'],
    'flags-without-effect',
  ),
  same('--custom-user-agent is in the calls of NMI to Azure', [
    'test/conformance/nmi-reads.test.ts',
    'requests to IMDS and Entra carry the User-Agent',
  ]),
  differs(
    '--clientQps is 5',
    [FLAGS, 'every flag of the old MIC is known with its default, but for the listed ones'],
    'client-qps',
  ),
  differs('there are no other flags', [FLAGS, 'flags that are new are marked as podid’s own'], 'new-flags'),
  same('one dash and two, equals sign and blank, bare booleans', [
    COMMAND,
    'a flag is read with an equals sign, a blank, one dash, and bare when it is a boolean',
  ]),
  same('durations and lists are written as in Go', [
    COMMAND,
    'durations and lists of MIC are read as Go wrote them',
  ]),
  differs(
    'an unknown flag ends the program with the whole list',
    [COMMAND, 'an unknown flag is refused and names the nearest known one'],
    'unknown-flags',
  ),
  same('--version prints the version', [FLAGS, 'both components print their version']),
]
