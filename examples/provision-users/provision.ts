// The daemon: this program, configured by its environment alone, works against the local platform and against a real tenant.
import { fileURLToPath } from 'node:url'
import { tomte } from 'tomte'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

const args = process.argv.slice(2)
const file = args.some((argument) => argument.startsWith('file=')) ? [] : [`file=${here('people.csv')}`]

process.exitCode = await tomte(['run', 'provision', ...file, '--config', here('tomte.config.ts'), ...args])
