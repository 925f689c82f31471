export type * from './api.js'
export { type DashboardHandler, dashboard } from './dashboard.js'
export type { DashboardAction, DashboardOptions } from './options.js'
