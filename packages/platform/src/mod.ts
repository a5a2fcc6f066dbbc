export { type Platform, type PlatformOptions, startPlatform } from './platform.ts'
export type { FirstTenant, Operator } from './operator.ts'
export type { KeyFile } from './key-files.ts'
export { PlatformError } from './errors.ts'
