import { spawn } from 'node:child_process'

/**
 * Runs npm in a folder; what it says goes to standard error, as standard output may be one JSON document.
 *
 * @throws Error if npm ends with another code than 0.
 */
export function npm(args: readonly string[], cwd: string): Promise<void> {
  const quiet = [...args, '--loglevel=error']
  const cli = process.env['npm_execpath'] ?? ''
  const options = { cwd, stdio: ['ignore', 2, 2] as ['ignore', number, number] }
  const child = cli.endsWith('npm-cli.js')
    ? spawn(process.execPath, [cli, ...quiet], options)
    : spawn(`npm ${quiet.map((arg) => JSON.stringify(arg)).join(' ')}`, [], { ...options, shell: true })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`npm ${args[0]} ended with code ${code}`)),
    )
  })
}
