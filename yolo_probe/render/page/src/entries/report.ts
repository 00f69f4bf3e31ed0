/** The page that `yolo-probe report` writes: its data stands in the page itself. */
import type { ReportData } from "../data";
import { renderReport } from "../report";

const container = document.getElementById("report");
const data = document.getElementById("report-data");
if (container && data) renderReport(container, JSON.parse(data.textContent ?? "") as ReportData);
