/** The page that `yolo-probe report` writes: its data stands in the page itself. A page without data gets the functions. */
import { disposeCharts } from "../charts";
import type { ReportData } from "../data";
import { renderReport } from "../report";

const container = document.getElementById("report");
const data = document.getElementById("report-data");
if (container && data) renderReport(container, JSON.parse(data.textContent ?? "") as ReportData);

export { disposeCharts, renderReport };
