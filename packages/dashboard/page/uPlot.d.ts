/** The handler serves the ESM build of uPlot under this name. */
import uPlot from 'uplot'

// biome-ignore lint/style/noDefaultExport: so it is in uPlot
export { uPlot as default }
