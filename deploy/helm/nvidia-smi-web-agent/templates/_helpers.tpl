{{- define "agent.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "agent.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "agent.labels" -}}
{{ include "agent.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* The prefix with a leading and without a trailing slash; empty if there is none. */}}
{{- define "agent.prefix" -}}
{{- with .Values.urlPrefix | trimAll "/" }}/{{ . }}{{ end -}}
{{- end -}}

{{/* The Secret with the token; empty if there is none. */}}
{{- define "agent.tokenSecret" -}}
{{- if .Values.token.existingSecret -}}
{{- .Values.token.existingSecret -}}
{{- else if .Values.token.value -}}
{{- include "agent.name" . -}}
{{- end -}}
{{- end -}}

{{- define "agent.scheme" -}}
{{- if .Values.tls.existingSecret }}HTTPS{{ else }}HTTP{{ end -}}
{{- end -}}

{{- define "hub.name" -}}
{{- printf "%s-hub" (include "agent.name" . | trunc 59 | trimSuffix "-") -}}
{{- end -}}

{{/* Not the agents' labels, because their Service and policies select those. */}}
{{- define "hub.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-hub
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "hub.labels" -}}
{{ include "hub.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* The Secret with the token of the hub's viewers; empty if there is none. */}}
{{- define "hub.tokenSecret" -}}
{{- if .Values.hub.token.existingSecret -}}
{{- .Values.hub.token.existingSecret -}}
{{- else if .Values.hub.token.value -}}
{{- include "hub.name" . -}}
{{- end -}}
{{- end -}}
