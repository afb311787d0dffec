import { Command, Option } from 'commander'
import { addAdmin } from './commands/admin.ts'
import { addCatalog } from './commands/catalog.ts'
import { addCompleteIds } from './commands/complete-ids.ts'
import { addCompletion } from './commands/completion.ts'
import { addDeliveries } from './commands/deliveries.ts'
import { addDoctor } from './commands/doctor.ts'
import { addEndpoints } from './commands/endpoints.ts'
import { addEvents } from './commands/events.ts'
import { addGet } from './commands/get.ts'
import { addInit } from './commands/init.ts'
import { addJobs } from './commands/jobs.ts'
import { addListen } from './commands/listen.ts'
import { addLogin } from './commands/login.ts'
import { addOffline } from './commands/offline.ts'
import { addOpen } from './commands/open.ts'
import { addProducers } from './commands/producers.ts'
import { addReplay } from './commands/replay.ts'
import { addRuns } from './commands/runs.ts'
import { addSandbox } from './commands/sandbox.ts'
import { addTail } from './commands/tail.ts'
import { addTrigger } from './commands/trigger.ts'
import { exitCodes } from './failure.ts'
import { examples } from './frame.ts'
import { printJson, type Terminal } from './terminal.ts'

/** All commands. It throws instead of ending the process: CommanderError, Failure. */
export function createProgram(terminal: Terminal, version: string): Command {
  const program = new Command('psapi')
    .description('ProducerSync on the command line. Results go to stdout, everything else to stderr.')
    .option('--json', 'the result as JSON, with the names of the API')
    .option('--yes', 'do it without asking')
    .option('--utc', 'times in UTC')
    .option('--verbose', 'print each request on stderr')
    .option('--retries <number>', 'how often to ask again when there are too many requests (0)')
    .option('--reason <text>', 'why, where staff change something inside an account')
    .addOption(new Option('--color <when>', 'on a terminal, or').choices(['auto', 'always', 'never']).default('auto'))
    .option('--profile <name>', 'which stored credentials')
    .option('--url <url>', 'where the service is')
    .option('--account <account>', 'id or uid of the account')
    .option('--timeout <seconds>', 'for an answer (30), or with --wait for the end (3600)')
    .version(version, '--version')
    .addHelpText('after', examples('endpoints list', 'events list --type producersync.npn.activated --json'))
    .addHelpText('after', exitCodes())
  program.configureOutput({
    writeOut: (text) => terminal.stdout.write(text),
    writeErr: (text) => terminal.stderr.write(text),
    outputError: () => {}, // it is printed with the failures
  })
  addInit(program, terminal)
  addLogin(program, terminal)
  addListen(program, terminal)
  addTail(program, terminal)
  addEndpoints(program, terminal)
  addTrigger(program, terminal)
  addEvents(program, terminal)
  addDeliveries(program, terminal)
  addReplay(program, terminal)
  addCatalog(program, terminal)
  addProducers(program, terminal)
  addJobs(program, terminal)
  addRuns(program, terminal)
  addSandbox(program, terminal)
  addGet(program, terminal)
  addAdmin(program, terminal)
  addOffline(program, terminal)
  addDoctor(program, terminal)
  addOpen(program, terminal)
  addCompletion(program, terminal)
  addCompleteIds(program, terminal)
  program
    .command('version')
    .description('the version of this program')
    .addHelpText('after', examples('version', 'version --json'))
    .action((_flags: object, command: Command) => {
      if (command.optsWithGlobals().json) printJson(terminal, { version })
      else terminal.stdout.write(`${version}\n`)
    })
  program.hook('preAction', (_program, command) => {
    terminal.color = command.optsWithGlobals().color
  })
  for (const command of program.commands) if (!OFFLINE.includes(command.name())) addCurl(command)
  throwInsteadOfExit(program)
  return program
}

/** Of their leaves none calls the service. */
const OFFLINE = ['config', 'completion', 'open', 'sign', 'verify', 'version']

/** Not of all commands at once: `sign` has a flag of this name. */
function addCurl(command: Command): void {
  if (command.commands.length === 0)
    command.option('--curl', 'print each request on stderr as a cURL command, with $PSAPI_TOKEN for the token')
  for (const one of command.commands) addCurl(one)
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride().copyInheritedSettings(command.parent ?? command)
  for (const one of command.commands) throwInsteadOfExit(one)
}
