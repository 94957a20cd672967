//! Traces while their spans still come.
//!
//! Guarantees: at most [`MAX_OPEN_SPANS`] spans are held; beyond that the trace that waited longest is
//! closed, and spans of it that come later are counted.
//!
//! Does not know: what a trace means.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::span::TraceSpan;

/// Most spans of open traces, about 50 MB.
pub(super) const MAX_OPEN_SPANS: usize = 100_000;
/// How many closed traces are remembered, to tell spans that come too late.
const REMEMBERED: usize = 200_000;

/// Traces that may go on.
#[derive(Debug, Default)]
pub(super) struct OpenTraces {
    /// The spans of each trace, and when one came last.
    traces: BTreeMap<u64, (u64, Vec<TraceSpan>)>,
    /// The traces by when a span of theirs came last.
    order: BTreeMap<u64, u64>,
    /// Where the span of a trace with an id is among its spans, so that a trace of very many spans
    /// takes no longer for each.
    places: BTreeMap<(u64, u64), usize>,
    spans: usize,
    clock: u64,
    closed: VecDeque<u64>,
    known: BTreeSet<u64>,
    /// Traces that were closed for want of room.
    pub early: u64,
    /// Spans that came after their trace was closed.
    pub late: u64,
    /// Spans that came again with the same id; the last one counts.
    pub repeated: u64,
}

impl OpenTraces {
    /// Takes a span; returns the trace that has to be closed, if any.
    pub(super) fn take(&mut self, span: TraceSpan) -> Option<Vec<TraceSpan>> {
        self.clock += 1;
        let trace = span.trace;
        if self.known.contains(&trace) {
            self.late += 1;
        }
        let (last, spans) = self.traces.entry(trace).or_default();
        self.order.remove(last);
        *last = self.clock;
        self.order.insert(self.clock, trace);
        let place = self.places.get(&(trace, span.id));
        match place.and_then(|at| spans.get_mut(*at)) {
            Some(same) => {
                *same = span;
                self.repeated += 1;
            }
            None => {
                if span.id != 0 {
                    self.places.insert((trace, span.id), spans.len());
                }
                spans.push(span);
                self.spans += 1;
            }
        }
        if self.spans <= MAX_OPEN_SPANS {
            return None;
        }
        self.early += 1;
        self.close_oldest()
    }

    fn close_oldest(&mut self) -> Option<Vec<TraceSpan>> {
        let (_, trace) = self.order.pop_first()?;
        let (_, spans) = self.traces.remove(&trace)?;
        self.spans -= spans.len();
        for span in &spans {
            self.places.remove(&(trace, span.id));
        }
        if self.known.insert(trace) {
            self.closed.push_back(trace);
        }
        if self.closed.len() > REMEMBERED
            && let Some(oldest) = self.closed.pop_front()
        {
            self.known.remove(&oldest);
        }
        Some(spans)
    }

    /// The traces that are left, the one that waited longest first.
    pub(super) fn finish(&mut self) -> Option<Vec<TraceSpan>> {
        self.close_oldest()
    }
}

#[cfg(test)]
mod tests {
    use super::super::span::SpanKind;
    use super::*;

    #[test]
    fn what_waited_longest_is_closed_and_late_spans_are_counted() {
        let mut open = OpenTraces::default();
        let span = |trace: u64, id: u64| TraceSpan::new(trace, id, 0, SpanKind::Other);
        assert!(open.take(span(1, 1)).is_none() && open.take(span(2, 1)).is_none());
        assert!(open.take(span(1, 1)).is_none() && open.repeated == 1);
        let mut closed = Vec::new();
        for id in 0..MAX_OPEN_SPANS as u64 {
            closed.extend(open.take(span(3 + id, 1)).into_iter().flatten());
        }
        let traces: Vec<u64> = closed.iter().map(|span| span.trace).collect();
        assert_eq!((traces, open.early), (vec![2, 1], 2));
        open.take(span(2, 2));
        assert_eq!(open.late, 1);
        assert_eq!(open.places.len(), open.spans);
        assert_eq!(std::iter::from_fn(|| open.finish()).count(), MAX_OPEN_SPANS);
    }
}
